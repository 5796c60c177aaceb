// The tree-sitter grammar of `.ppd`, for editors that colour and select by it: Neovim, Helix, Zed, Emacs.
//
// It reads what the compiler reads, more leniently: line ends are blanks, so that a statement ends where the next can
// begin. What makes that unambiguous: an index `[` stands on the line of its list, and no statement begins with `(`.
// Reserved words are names wherever only a name may stand: `f(group = 1)`, `x.task`.

const commas = (rule) => optional(someCommas(rule));
const someCommas = (rule) => seq(rule, repeat(seq(",", rule)), optional(","));

module.exports = grammar({
  name: "ppd",

  word: ($) => $.identifier,
  extras: ($) => [/[\s\uFEFF]/, $.comment],
  externals: ($) => [$._index_bracket],
  supertypes: ($) => [$._expression],

  rules: {
    module: ($) => seq(optional($.docstring), repeat($._file_item)),

    _file_item: ($) =>
      choice(
        $.import, $.import_from, $.include, $.let, $.notifier, $.pool, $.label, $.defaults, $.template, $.dag,
      ),

    docstring: ($) => $.string,

    // --- a file ---------------------------------------------------------------------------------------------------

    import: ($) => seq("import", field("module", $.dotted_name), optional(seq("as", field("name", $.identifier)))),
    import_from: ($) =>
      seq(
        "from", field("module", $.dotted_name), "import",
        choice(seq($.imported, repeat(seq(",", $.imported))), seq("(", someCommas($.imported), ")")),
      ),
    imported: ($) => seq(field("name", $.identifier), optional(seq("as", field("alias", $.identifier)))),
    include: ($) => seq("include", field("path", $.string)),
    let: ($) => seq("let", field("name", $.identifier), "=", field("value", $._expression)),
    notifier: ($) => seq("notifier", field("name", $.identifier), "=", field("value", $.call)),
    pool: ($) => seq("pool", field("name", $.identifier), $.settings),
    label: ($) => seq("label", field("name", $.identifier)),
    defaults: ($) => seq("defaults", $.settings),
    template: ($) =>
      seq("template", field("name", $.identifier), "(", commas($.parameter), ")", field("body", $.body)),
    parameter: ($) =>
      seq(field("name", $.identifier), ":", field("type", $.type), optional(seq("=", field("value", $._expression)))),
    dag: ($) => seq("dag", field("name", $.identifier), field("body", $.dag_body)),

    // --- inside a dag, a group, a template or a handler -----------------------------------------------------------

    dag_body: ($) =>
      seq("{", optional($.docstring), repeat(choice($._item, $.setting, $.defaults, $.param, $.handler)), "}"),
    body: ($) => seq("{", optional($.docstring), repeat($._item), "}"),
    _item: ($) => choice($.task, $.group, $.edge),

    param: ($) =>
      seq(
        "param", field("name", $.identifier), ":", field("type", $.type),
        optional(seq("=", field("value", $._expression))),
      ),
    task: ($) =>
      seq(
        "task", field("name", $.identifier), optional($.loops), "=", field("value", $.call), optional($.when),
        optional($.settings),
      ),
    loops: ($) => seq("[", someCommas($.loop), "]"),
    loop: ($) => seq(field("name", $.identifier), "in", field("value", $._expression)),
    when: ($) => seq("when", $._expression),
    group: ($) =>
      seq(
        "group", field("name", $.identifier),
        choice(seq(optional($.loops), "=", field("value", $.call)), field("body", $.body)),
      ),
    handler: ($) => seq(choice(seq("on", choice("success", "failure")), "finally"), field("body", $.body)),

    edge: ($) => prec.right(seq($._side, repeat1(seq("->", $._side)))),
    _side: ($) => choice($.reference, $.sides),
    sides: ($) => seq("[", someCommas($.reference), "]"),
    reference: ($) => seq($.dotted_name, optional(seq($.keys, optional(seq(".", $.dotted_name))))),

    settings: ($) => seq("{", repeat(seq($.setting, optional(","))), "}"),
    setting: ($) => seq(field("name", $.identifier), "=", field("value", $._expression)),

    type: ($) =>
      seq(
        field("name", $.identifier),
        optional(choice(seq(alias($._index_bracket, "["), someCommas($.type), "]"), seq("(", someCommas($._expression), ")"))),
        optional("?"),
      ),

    // --- expressions ----------------------------------------------------------------------------------------------

    _expression: ($) =>
      choice(
        $.binary, $.unary, $.attribute, $.index, $.call, $.parenthesised, $.list, $.dict, $.identifier, $.string,
        $.format, $.date, $.duration, $.float, $.integer, $.true, $.false, $.none,
      ),

    binary: ($) =>
      choice(
        ...[
          [1, "or"],
          [2, "and"],
          [4, choice("==", "!=", "<", "<=", ">", ">=", "in", seq("not", "in"))],
          [5, choice("+", "-")],
          [6, choice("*", "/", "%")],
        ].map(([level, operator]) => prec.left(level, seq($._expression, operator, $._expression))),
      ),
    unary: ($) => choice(prec(3, seq("not", $._expression)), prec(7, seq("-", $._expression))),

    attribute: ($) => prec(8, seq(field("object", $._expression), ".", field("name", $.identifier))),
    index: ($) => prec(8, seq(field("object", $._expression), $.keys)),
    keys: ($) => seq(alias($._index_bracket, "["), someCommas(choice($._expression, $.star)), "]"),
    star: () => "*",
    call: ($) => prec(8, seq(field("callee", $._expression), $.arguments)),
    arguments: ($) => seq("(", commas(choice($._expression, $.argument)), ")"),
    argument: ($) =>
      seq(field("name", choice($.identifier, alias(choice("not", $.true, $.false, $.none), $.identifier))), "=", field("value", $._expression)),

    parenthesised: ($) => seq("(", $._expression, ")"),
    list: ($) => seq("[", commas($._expression), "]"),
    dict: ($) => seq("{", commas($.pair), "}"),
    pair: ($) => seq(field("key", $._expression), ":", field("value", $._expression)),

    dotted_name: ($) => prec.right(seq($.identifier, repeat(seq(".", $.identifier)))),

    // --- literals -------------------------------------------------------------------------------------------------

    string: () => token(choice(/r?"([^"\\\r\n]|\\[^\r\n])*"/, /r?"""([^"\\]|\\(.|\r|\n)|"[^"]|""[^"])*"""/)),

    format: ($) =>
      choice(
        seq('f"', repeat(choice($.format_text, $.escape, $.field)), token.immediate('"')),
        seq(
          'f"""',
          repeat(choice($.format_text, alias($._line_end, $.format_text), alias($._quote, $.format_text), $.escape, $.field)),
          token.immediate('"""'),
        ),
      ),
    format_text: () => token.immediate(prec(1, /[^"\\{}\r\n]+/)),
    _line_end: () => token.immediate(prec(1, /[\r\n]+/)),
    _quote: () => token.immediate(/""?/),
    escape: () => token.immediate(prec(1, /\\(\r\n|[^\r]|\r)|\{\{|\}\}/)),
    field: ($) => seq(token.immediate("{"), $._expression, optional($.format_spec), "}"),
    format_spec: () => token(prec(1, /:[^{}"\r\n]*/)),

    date: () => /[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?/,
    duration: () => /([0-9]+(ms|[dhms]))+/,
    float: () => /[0-9]+\.[0-9]+/,
    integer: () => /[0-9]+/,
    true: () => "true",
    false: () => "false",
    none: () => "none",
    identifier: () => /[A-Za-z_][A-Za-z0-9_]*/,
    comment: () => token(/#[^\r\n]*/),
  },
});

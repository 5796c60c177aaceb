; Which node is coloured as what. Names of captures are those that Neovim, Helix, Zed and Emacs share.

(comment) @comment
(docstring) @string.documentation
(string) @string
(format) @string
(escape) @string.escape

(integer) @number
(float) @number
(duration) @number.duration
(date) @number.date
[(true) (false) (none)] @constant.builtin

["import" "from" "as" "include"] @keyword.import
["let" "notifier" "pool" "label" "template" "defaults" "dag" "param" "task" "group" "on" "success" "failure" "finally" "when"] @keyword
["and" "or" "not" "in"] @keyword.operator

["->" "=" "==" "!=" "<" "<=" ">" ">=" "+" "-" "*" "/" "%" "?"] @operator
(star) @operator
["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter
(field "{" @punctuation.special)
(field "}" @punctuation.special)
(format_spec) @punctuation.special

; What comes later is the more particular: Neovim and Emacs take the last match; for Helix and Zed see README.md.
(identifier) @variable
(dotted_name (identifier) @module)
(reference (dotted_name (identifier) @variable))
(imported name: (identifier) @function)
(attribute name: (identifier) @property)
(argument name: (identifier) @variable.parameter)
(parameter name: (identifier) @variable.parameter)
(param name: (identifier) @variable.parameter)
(let name: (identifier) @constant)
(loop name: (identifier) @variable.parameter)
(dag name: (identifier) @type)
(template name: (identifier) @type)
(pool name: (identifier) @type)
(label name: (identifier) @type)
(notifier name: (identifier) @type)
(group name: (identifier) @type)
(task name: (identifier) @function)
(type name: (identifier) @type)
(call callee: (identifier) @function.call)
(call callee: (attribute name: (identifier) @function.call))
(setting name: (identifier) @variable)

; What follows a line `words:…` is written by grammar/spread_words.py.

; words:settings
(setting name: (identifier) @attribute
  (#any-of? @attribute "after" "alert" "alert_on" "backoff" "catchup" "cwd" "deadline" "doc" "dst" "end" "env" "isolation" "max_active_runs" "max_active_tasks" "memory" "notify" "on_lost" "overlap" "owner" "ping" "pool" "priority" "retries" "retry_delay" "run_timeout" "runs_on" "schedule" "slots" "start" "tags" "timeout" "timezone" "trigger"))

; words:setting-words
(setting name: (identifier) @_setting value: (list (identifier) @constant) (#eq? @_setting "alert_on")
  (#any-of? @constant "failure" "late" "retry" "success"))
(setting name: (identifier) @_setting value: (identifier) @constant (#eq? @_setting "catchup")
  (#any-of? @constant "all" "latest"))
(setting name: (identifier) @_setting value: (identifier) @constant (#eq? @_setting "dst")
  (#any-of? @constant "once" "skip" "twice"))
(setting name: (identifier) @_setting value: (identifier) @constant (#eq? @_setting "isolation")
  (#any-of? @constant "async" "process" "thread"))
(setting name: (identifier) @_setting value: (identifier) @constant (#eq? @_setting "on_lost")
  (#any-of? @constant "fail" "retry"))
(setting name: (identifier) @_setting value: (identifier) @constant (#eq? @_setting "overlap")
  (#any-of? @constant "cancel_running" "queue" "skip"))
(setting name: (identifier) @_setting value: (identifier) @constant (#eq? @_setting "trigger")
  (#any-of? @constant "all_done" "all_failed" "all_success" "always" "none_failed" "one_failed" "one_success"))

; words:built-ins
(call callee: (identifier) @function.builtin
  (#any-of? @function.builtin "apprise" "cron" "empty" "every" "exponential" "http" "log" "print" "run_dag" "script" "shell" "sleep" "sql" "wait_for_file" "wait_for_http"))

; words:scopes
(attribute object: (identifier) @variable.builtin
  (#any-of? @variable.builtin "env" "params" "run" "secret" "task"))
(call callee: (identifier) @variable.builtin
  (#any-of? @variable.builtin "env" "params" "run" "secret" "task"))

; words:types
(type name: (identifier) @type.builtin
  (#any-of? @type.builtin "bool" "choice" "date" "datetime" "duration" "float" "int" "json" "list" "str"))


" Vim syntax file
" Language: ppd, the workflow language of ppacer
" Filenames: *.ppd

if exists("b:current_syntax")
  finish
endif
let s:cpo_save = &cpo
set cpo&vim

" Of two matches at one place the later defined wins: names come first, words of the language after them.
syn match ppdName /\<\h\w*\>/
syn match ppdFunction /\<\h\w*\>\ze[ \t]*(/
syn match ppdArgument /\<\h\w*\>\ze[ \t]*=\%([^=]\|$\)/

" What follows a line `words:…` is written by grammar/spread_words.py.
" words:names
syn match ppdBuiltIn /\<\%(apprise\|cron\|empty\|every\|exponential\|http\|log\|print\|run_dag\|script\|shell\|sleep\|sql\|wait_for_file\|wait_for_http\)\>\ze[ \t]*(/
syn match ppdScope /\<\%(env\|params\|run\|secret\|task\)\>\ze\s*[.(]/
syn match ppdType /\%(:\s*\)\@9<=\<\%(bool\|choice\|date\|datetime\|duration\|float\|int\|json\|list\|str\)\>/
syn match ppdSetting /\<\%(after\|alert\|alert_on\|backoff\|catchup\|cwd\|deadline\|doc\|dst\|end\|env\|isolation\|max_active_runs\|max_active_tasks\|memory\|notify\|on_lost\|overlap\|owner\|ping\|pool\|priority\|retries\|retry_delay\|run_timeout\|runs_on\|schedule\|slots\|start\|tags\|timeout\|timezone\|trigger\)\>\ze[ \t]*=\%([^=]\|$\)/
syn match ppdWord /\%(\<\%(alert_on\|catchup\|dst\|isolation\|on_lost\|overlap\|trigger\)\s*=\s*\)\@24<=\<\%(all\|all_done\|all_failed\|all_success\|always\|async\|cancel_running\|fail\|failure\|late\|latest\|none_failed\|once\|one_failed\|one_success\|process\|queue\|retry\|skip\|success\|thread\|twice\)\>/

" words:reserved
syn match ppdOperatorWord /\<\%(and\|in\|not\|or\)\>\%([ \t]*=\%([^=]\|$\)\)\@!\%([ \t]\+as\>\)\@!/
syn match ppdConstant /\<\%(false\|none\|true\)\>\%([ \t]*=\%([^=]\|$\)\)\@!\%([ \t]\+as\>\)\@!/
syn match ppdKeyword /\<\%(as\|dag\|defaults\|finally\|from\|group\|import\|include\|label\|let\|notifier\|on\|param\|pool\|task\|template\|when\)\>\%([ \t]*=\%([^=]\|$\)\)\@!\%([ \t]\+as\>\)\@!/

" Names whatever they say: after a dot, after the word that declares them.
syn match ppdPunctuation /[()\[\]{}:,]/
syn match ppdMember /\.\s*\h\w*\>/ contains=ppdDot
syn match ppdDot /\./ contained containedin=ppdMember
syn match ppdHandled /\<on[ \t]\+\%(success\|failure\)\>/
syn match ppdScope /\<task\ze\s*\./
syn match ppdKeyword /\<\%(dag\|group\|label\|let\|notifier\|param\|pool\|task\|template\)\ze[ \t]\+\%(as\>\)\@!\h/ nextgroup=ppdDeclared skipwhite
syn match ppdKeyword /\<\%(from\|import\|as\)\ze[ \t]\+\h/ nextgroup=ppdModule skipwhite
syn match ppdDeclared /\h\w*/ contained
syn match ppdModule /\h\w*/ contained

syn match ppdOperator /->\|[=!<>]=\|[-+*/%<>=?]/
syn match ppdNumber /\<\d\+\%(\.\d\+\)\?\>/
syn match ppdDuration /\<\%(\d\+\%(ms\|[dhms]\)\)\+\>/
syn match ppdDate /\<\d\{4}-\d\d-\d\d\%(T\d\d:\d\d\%(:\d\d\%(\.\d\+\)\?\)\?\)\?\>/

syn cluster ppdCode contains=ppdName,ppdFunction,ppdArgument,ppdBuiltIn,ppdScope,ppdType,ppdSetting,ppdWord,ppdOperatorWord,ppdConstant,ppdKeyword,ppdHandled,ppdMember,ppdOperator,ppdNumber,ppdDuration,ppdDate,ppdString,ppdLongString,ppdFormat,ppdLongFormat,ppdComment

syn match ppdEscape /\\./ contained
syn match ppdFormatEscape /\\.\|{{\|}}/ contained
syn region ppdString start=/\<r"/ start=/"/ skip=/\\./ end=/"/ end=/$/ contains=ppdEscape
syn region ppdLongString start=/\<r"""/ start=/"""/ skip=/\\./ end=/"""/ contains=ppdEscape
syn region ppdFormat start=/\<f"/ skip=/\\./ end=/"/ end=/$/ contains=ppdFormatEscape,ppdField
syn region ppdLongFormat start=/\<f"""/ skip=/\\./ end=/"""/ contains=ppdFormatEscape,ppdField
syn region ppdField matchgroup=ppdFieldEdge start=/{{\@!/ end=/}/ contained contains=@ppdCode,ppdNested,ppdFieldPunctuation,ppdFormatSpec
syn match ppdFormatSpec /:[^{}"]*/ contained
syn match ppdFieldPunctuation /,/ contained
syn region ppdNested matchgroup=ppdPunctuation start=/[(\[{]/ end=/[)\]}]/ contained contains=@ppdCode,ppdNested,ppdPunctuationInside
syn match ppdPunctuationInside /[:,]/ contained

syn match ppdComment /#.*$/ contains=@Spell

syn sync fromstart

hi def link ppdKeyword Statement
hi def link ppdHandled Statement
hi def link ppdOperatorWord Operator
hi def link ppdConstant Boolean
hi def link ppdModule Identifier
hi def link ppdDeclared Function
hi def link ppdFunction Function
hi def link ppdBuiltIn Function
hi def link ppdScope Special
hi def link ppdType Type
hi def link ppdSetting Identifier
hi def link ppdWord Constant
hi def link ppdOperator Operator
hi def link ppdNumber Number
hi def link ppdDuration Number
hi def link ppdDate Number
hi def link ppdString String
hi def link ppdFormat String
hi def link ppdLongString String
hi def link ppdLongFormat String
hi def link ppdEscape SpecialChar
hi def link ppdFormatEscape SpecialChar
hi def link ppdFieldEdge Special
hi def link ppdFormatSpec Special
hi def link ppdComment Comment

let b:current_syntax = "ppd"
let &cpo = s:cpo_save
unlet s:cpo_save

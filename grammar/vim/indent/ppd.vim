" Vim indent file
" Language: ppd, the workflow language of ppacer
"
" A line stands one step deeper than the one that opened the bracket it is in; `->` at a line's start one step deeper
" than its statement; a closing bracket like the line that opened it.

if exists("b:did_indent")
  finish
endif
let b:did_indent = 1

setlocal indentexpr=PpdIndent(v:lnum)
setlocal indentkeys=0{,0},0),0],!^F,o,O,0-,0>
setlocal nolisp nosmartindent autoindent
let b:undo_indent = "setlocal indentexpr< indentkeys< lisp< smartindent< autoindent<"

if exists("*PpdIndent")
  finish
endif

let s:passive = 'synIDattr(synID(line("."), col("."), 1), "name") =~# "Comment\\|String\\|Format\\|Escape\\|Field"'

" Whether a line begins inside a text in triple quotes, whose blanks are its own.
function! s:InText(line) abort
  if synIDattr(synID(a:line, 1, 1), 'name') !~# '^ppdLong'
    return 0
  endif
  let l:above = getline(a:line - 1)
  let l:goes_on = synIDattr(synID(a:line - 1, strlen(l:above), 1), 'name') =~# '^ppdLong' && l:above !~# '"""$'
  return l:goes_on || getline(a:line) !~# '^[fr]\?"""'
endfunction

function! PpdIndent(line) abort
  if s:InText(a:line)
    return -1
  endif
  call cursor(a:line, 1)
  let l:opened = searchpair('[({[]', '', '[)}\]]', 'bnW', s:passive, max([1, a:line - 500]))
  let l:depth = l:opened ? indent(l:opened) + shiftwidth() : 0
  let l:text = getline(a:line)
  if l:text =~# '^\s*[)}\]]'
    return l:opened ? indent(l:opened) : 0
  endif
  return l:text =~# '^\s*->' ? l:depth + shiftwidth() : l:depth
endfunction

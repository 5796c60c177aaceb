" Vim filetype plugin file
" Language: ppd, the workflow language of ppacer

if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1

setlocal comments=:# commentstring=#\ %s
setlocal formatoptions-=t formatoptions+=croql
setlocal expandtab shiftwidth=2 softtabstop=2
setlocal suffixesadd=.ppd
let &l:include = '^\s*include\s*"\zs[^"]*'
let &l:define = '^\s*\%(dag\|group\|label\|let\|notifier\|param\|pool\|task\|template\)\s'

" :make checks the file, and the list of faults leads to each.
setlocal makeprg=ppc\ check\ %:S
let &l:errorformat = '%Eerror[E%n]: %m,%Wwarning[W%n]: %m,%C%*[ ]--> %f:%l:%c,%-G%.%#'

let b:undo_ftplugin = "setlocal comments< commentstring< formatoptions< expandtab< shiftwidth< softtabstop< suffixesadd<"
      \ . " include< define< makeprg< errorformat<"

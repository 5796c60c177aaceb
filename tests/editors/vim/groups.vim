" Says what Vim takes places of files for: reads $PPD_PLACES, a list of {file, places: [[line, byte], …]} as JSON, and
" writes for each file the names of the syntax groups there to $PPD_GROUPS.
set nocompatible nomore noswapfile hidden encoding=utf-8 synmaxcol=0
let &runtimepath = $PPD_VIM . ',' . $VIMRUNTIME
filetype plugin indent on
syntax on

let answers = []
for asked in json_decode(join(readfile($PPD_PLACES), "\n"))
  execute 'edit' fnameescape(asked.file)
  call add(answers, map(asked.places, {_, place -> synIDattr(synID(place[0], place[1], 1), 'name')}))
endfor
call writefile([json_encode(answers)], $PPD_GROUPS)
quitall!

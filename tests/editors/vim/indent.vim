" Indents every line of each .ppd file of the folder $PPD_FILES.
set nocompatible nomore noswapfile hidden encoding=utf-8
let &runtimepath = $PPD_VIM . ',' . $VIMRUNTIME
filetype plugin indent on
syntax on

for file in glob($PPD_FILES . '/*.ppd', 0, 1)
  execute 'edit' fnameescape(file)
  normal! gg=G
  write
endfor
quitall!

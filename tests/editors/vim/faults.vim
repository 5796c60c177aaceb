" Writes the list of faults that Vim makes of $PPD_SAID, what a check of $PPD_FILE has said, to $PPD_LIST.
set nocompatible nomore noswapfile hidden encoding=utf-8
let &runtimepath = $PPD_VIM . ',' . $VIMRUNTIME
filetype plugin indent on
syntax on

execute 'edit' fnameescape($PPD_FILE)
execute 'cgetfile' fnameescape($PPD_SAID)
let faults = filter(getqflist(), {_, fault -> fault.valid})
call writefile([json_encode(map(faults, {_, fault -> extend(fault, {'name': bufname(fault.bufnr)})}))], $PPD_LIST)
quitall!

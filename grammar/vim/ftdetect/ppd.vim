autocmd BufNewFile,BufRead *.ppd setfiletype ppd

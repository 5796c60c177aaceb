#!/bin/sh
# Makes editor.png, the picture in docs/editors.md: Neovim in a terminal, on a screen of its own, with the language server
# and the grammar of this checkout. Needs `ppc` with the extra `lsp` on the path, and of Debian's packages
# neovim xvfb xterm imagemagick fonts-dejavu-core.
# usage: sh docs/screenshots/editor.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R "$top/examples/weather/." "$folder"
export PPD_FILE="$folder/weather.ppd" PPD_READY="$folder/ready" PICTURE="$folder/picture.png"
export HOME="$folder" NVIM_TUI_ENABLE_TRUE_COLOR=1 COLORTERM=truecolor
export EDITOR_COMMAND="nvim -u $here/editor.lua -i NONE --cmd 'set runtimepath^=$top/grammar/vim'"

xvfb-run --auto-servernum --server-args="-screen 0 1400x900x24" sh -eu -c '
  xterm -fa "DejaVu Sans Mono" -fs 13 -geometry 124x29+0+0 -b 10 -bg "#0f1722" -fg "#d5deea" -bc +sb \
    -xrm "*cursorBlink: false" -xrm "*borderWidth: 0" -e sh -c "$EDITOR_COMMAND" &
  terminal=$!
  tries=0
  before=
  # The picture is taken when the editor says that all is there, and the screen has come to rest.
  while :; do
    tries=$((tries + 1))
    [ "$tries" -le 120 ] || { echo "error: the editor did not show all of it" >&2; kill "$terminal"; exit 1; }
    sleep 0.5
    [ -e "$PPD_READY" ] || continue
    import -window root "$PICTURE"
    now=$(cksum <"$PICTURE")
    [ "$now" != "$before" ] || break
    before=$now
  done
  kill "$terminal"
'
convert "$folder/picture.png" -bordercolor black -border 1 -trim +repage -strip -define png:compression-level=9 \
  "$here/editor.png"
echo "$here/editor.png"

// The document in which a graph is shown. Nothing here knows the editor.

/**
 * All that it may load are the two files named here; the picture comes as messages.
 * @param {{ script: string, style: string, source: string, nonce: string }} parts addresses of the script and the style,
 *   where such things may come from, and a word that nobody can guess
 */
export function page({ script, style, source, nonce }) {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${source} 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Graph</title>
<link rel="stylesheet" href="${style}">
</head>
<body>
<p id="error" role="status" hidden></p>
<main id="picture"></main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}

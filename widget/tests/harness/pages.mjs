// Strangers' pages: a server on an origin of its own that holds the fixtures.

import { bodyOf, serve } from './server.mjs';

/** hostPages serves what add() is given; reports are what browsers send to /report. */
export async function hostPages() {
  const pages = new Map();
  const reports = [];
  const http = await serve(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    if (pathname === '/report') {
      reports.push(String(await bodyOf(request)));
      response.writeHead(204);
      return response.end();
    }
    const page = pages.get(pathname);
    if (!page) {
      response.writeHead(404, { 'Content-Type': 'text/plain' });
      return response.end('no such page');
    }
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', ...page.headers });
    response.end(page.html);
  });
  let count = 0;
  const origin = `http://shop.test:${http.port}`; // see NAMES in browser.mjs
  return {
    ...http,
    origin,
    reports,
    add(html, headers = {}, path = `/page-${++count}`) {
      pages.set(path, { html, headers });
      return `${origin}${path}`;
    },
  };
}

const TEXT = 'The quick brown fox jumps over the lazy dog. Everything on this page belongs to somebody else. ';

/** shop is an ordinary page of somebody, with the widget's tag in it. */
export function shop({ script, key, attributes = '', head = '', body = '', before = '', lang = 'en', dir = 'ltr', nonce = '', tag }) {
  const own = tag ?? `<script async src="${script}" data-key="${key}"${nonce && ` nonce="${nonce}"`} ${attributes}></script>`;
  return `<!doctype html>
<html lang="${lang}" dir="${dir}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A shop</title><link rel="icon" href="data:,">
${head}
</head>
<body>
${before}
<main>
<h1>A shop</h1>
<p><a href="#first" id="first">The first link</a></p>
${body}
${`<p>${TEXT.repeat(3)}</p>\n`.repeat(6)}
<p><a href="#last" id="last">The last link</a></p>
</main>
${own}
</body>
</html>`;
}

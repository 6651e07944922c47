// Pages as the systems make them that websites are built with. Each returns
// HTML; what it loads besides stands beside it under a path of its own.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'esbuild';
import { shop } from './pages.mjs';

const require = createRequire(import.meta.url);
const JAVASCRIPT = { 'Content-Type': 'text/javascript; charset=utf-8' };

/** bundle returns one classic script. */
async function bundle(contents) {
  const { outputFiles } = await build({
    stdin: { contents, loader: 'jsx', resolveDir: new URL('.', import.meta.url).pathname },
    bundle: true, write: false, format: 'iife', jsx: 'automatic', define: { 'process.env.NODE_ENV': '"development"' }, logLevel: 'warning',
  });
  return outputFiles[0].text;
}

/**
 * tagManager is how a tag manager brings in a tag that was pasted into it: it
 * makes a script element anew, keeps the address and drops the attributes it
 * doesn't know.
 */
export const tagManager = ({ script, key }) => shop({
  tag: `<script>
    (function (w, d, layer) {
      w[layer] = w[layer] || [];
      w[layer].push({ 'gtm.start': Date.now(), event: 'gtm.js' });
      var pasted = d.createElement('div');
      pasted.innerHTML = '<script async src="${script}?key=${key}&amp;locale=fr" data-key="pk_live_lost"><\\/script>';
      var inert = pasted.firstChild, tag = d.createElement('script');
      tag.async = true;
      tag.src = inert.src;
      var first = d.getElementsByTagName('script')[0];
      first.parentNode.insertBefore(tag, first);
    })(window, document, 'dataLayer');
  </script>`,
});

/** settingsOnly has nothing but the page's settings; the script is run without an element of its own. */
export const settingsOnly = ({ script, key }) => shop({
  head: `<script>window.ChatConnectSettings = { key: '${key}', api: '${new URL(script).origin}', locale: 'de', open: true };</script>`,
  tag: `<script>fetch('${script}').then((r) => r.text()).then((code) => setTimeout(code));</script>`,
});

/** wordpress is a page whose scripts an optimiser has rewritten; rewrite says how. */
export const wordpress = ({ script, key }, rewrite) => shop({
  head: `<meta name="generator" content="WordPress 6.8">
    <style>html { margin-top: 32px !important } .wp-site-blocks { container-type: inline-size } :where(.wp-site-blocks *:focus) { outline-width: 2px } img.emoji, svg { height: 1em; max-width: 100% }</style>
    <script>window._wpemojiSettings = {}; window.jQuery = window.$ = function () { return []; };</script>`,
  before: '<div id="wpadminbar" style="position: fixed; inset: 0 0 auto; height: 32px; background: #1d2327; z-index: 99999"></div>',
  tag: OPTIMISERS[rewrite]({ script, key }),
});

// What delays scripts makes them anew later, with their attributes or without.
const revive = (selector, attributes) => `<script>
  addEventListener('load', function () {
    document.querySelectorAll('${selector}').forEach(function (inert) {
      var script = document.createElement('script');
      ${attributes ? 'for (var i = 0; i < inert.attributes.length; i++) if (!/^(type|data-src|data-rocket-src)$/.test(inert.attributes[i].name)) script.setAttribute(inert.attributes[i].name, inert.attributes[i].value);' : ''}
      script.src = inert.getAttribute('data-rocket-src') || inert.getAttribute('data-src') || inert.src;
      inert.replaceWith(script);
    });
  });
</script>`;

export const OPTIMISERS = {
  'defer, attributes kept': ({ script, key }) => `<script defer data-wp-strategy="defer" src="${script}" data-key="${key}" id="chatconnect-js"></script>`,
  'attributes stripped': ({ script, key }) => `<script defer src="${script}?key=${key}&ver=6.8"></script>`,
  'delayed, attributes kept': ({ script, key }) => `<script type="rocketlazyloadscript" data-rocket-src="${script}" data-key="${key}"></script>${revive('[type=rocketlazyloadscript]', true)}`,
  'delayed, attributes stripped': ({ script, key }) => `<script type="litespeed/javascript" data-src="${script}?key=${key}"></script>${revive('[type="litespeed/javascript"]', false)}`,
  // Rocket Loader gives scripts a type that browsers skip, runs copies of them, and leaves the first there.
  'run by Rocket Loader': ({ script, key }) => `<script type="7d1f-text/javascript" src="${script}" data-key="${key}" data-cf-settings></script>
    <script>
      addEventListener('DOMContentLoaded', function () {
        document.write = function (html) { document.body.insertAdjacentHTML('beforeend', html); };
        document.querySelectorAll('script[type$="-text/javascript"]').forEach(function (inert) {
          var copy = document.createElement('script');
          copy.src = inert.src;
          inert.parentNode.insertBefore(copy, inert);
        });
      });
    </script>`,
  'joined with others': ({ script, key }) => `<script>window.ChatConnectSettings = { key: '${key}', api: '${new URL(script).origin}' };</script><script defer src="/joined.js"></script>`,
};

// As themes of shops do: resets, utilities and animations for everything.
const THEME = `
  *, *::before, *::after { box-sizing: inherit !important; }
  html { box-sizing: border-box; font-size: 62.5%; transform: translateZ(0); scroll-behavior: smooth; }
  body { display: grid; grid-template-rows: auto auto 1fr auto; grid-template-columns: 100%; min-height: 100%; font-size: 1.5rem; letter-spacing: .06rem; }
  a:empty, ul:empty, dl:empty, div:empty, section:empty, article:empty, p:empty, h1:empty, chat-connect:empty, html > :empty { display: none; }
  button, [type=button], input, select, textarea { all: unset; text-transform: uppercase !important; letter-spacing: 1rem !important; min-height: 4.4rem !important; width: 100% !important; box-shadow: none !important; }
  svg { display: block !important; width: 100% !important; fill: red !important; }
  dialog, [role=dialog], [popover] { display: none !important; max-width: 0 !important; opacity: 0 !important; }
  ::backdrop { display: block !important; background: #f00 !important; opacity: 1 !important; }
  [aria-hidden=true] { visibility: hidden !important; }
  .overlay { position: fixed; inset: 0; z-index: 2147483647; background: #0003; }
  h2, p, li { font: italic 700 2.4rem/3 Georgia !important; }`;

/** theme is a shop whose theme styles whatever it finds, on a transformed <html>. */
export const theme = ({ script, key }) => shop({ script, key, head: `<style>${THEME}</style>`, body: '<div class="overlay">Sale</div>' });

/** turbo are two pages that Turbo changes between; the tag is in the body, so it runs at each change. */
export function turbo(pages, { script, key }) {
  const library = readFileSync(require.resolve('@hotwired/turbo').replace(/[^/]*$/, 'turbo.es2017-umd.js'), 'utf8');
  pages.add(library, JAVASCRIPT, '/turbo.js');
  const page = (other, name) => shop({
    script, key, head: '<script src="/turbo.js"></script>',
    before: `<nav><a id="other" href="${other}">Go to ${other}</a> <strong id="here">${name}</strong></nav>`,
  });
  pages.add(page('/turbo-1', 'second'), {}, '/turbo-2');
  return pages.add(page('/turbo-2', 'first'), {}, '/turbo-1');
}

/**
 * react is a page that React makes on the server and takes over in the browser,
 * the document with it, in StrictMode: each effect runs twice. The widget is
 * an effect of a component.
 */
export async function react(pages, { script, key }) {
  const app = `
    import { StrictMode, useEffect, useState } from 'react';
    const Chat = () => {
      useEffect(() => {
        window.mounts = (window.mounts ?? 0) + 1;
        const tag = Object.assign(document.createElement('script'), { src: '${script}?key=${key}', async: true, onload: () => { window.loaded = (window.loaded ?? 0) + 1; } });
        document.body.append(tag);
        return () => { window.ChatConnect?.destroy(); tag.remove(); };
      }, []);
      return null;
    };
    export const App = () => {
      const [shown, show] = useState(true);
      const [count, add] = useState(0);
      return <StrictMode><html lang="en"><head><title>A shop</title><link rel="icon" href="data:," /><meta name="viewport" content="width=device-width, initial-scale=1" /></head><body>
        <main><h1>A shop</h1><p id="made">{globalThis.window ? 'browser' : 'server'}</p><button id="count" onClick={() => add(count + 1)}>{count}</button> <button id="toggle" onClick={() => show(!shown)}>Chat: {shown ? 'on' : 'off'}</button>{shown && <Chat />}</main>
      </body></html></StrictMode>;
    };`;
  const server = await bundle(`import { renderToString } from 'react-dom/server.edge'; ${app} globalThis.rendered = renderToString(<App />);`);
  const rendered = new Function('globalThis', `${server}; return globalThis.rendered;`)({ ...globalThis, MessageChannel, TextEncoder, AbortController, setTimeout });
  pages.add(await bundle(`import { hydrateRoot } from 'react-dom/client'; ${app} hydrateRoot(document, <App />, { onRecoverableError: (error) => { window.recovered = String(error); } });`), JAVASCRIPT, '/react.js');
  // The tag of a page that was made before React took over: it runs first.
  return pages.add(`<!doctype html>${rendered.replace('</body>', `<div id="foreign">From an extension</div><script src="${script}" data-key="${key}"></script><script defer src="/react.js"></script></body>`)}`);
}

/** written writes its tag while it is read. */
export const written = ({ script, key }) => shop({
  tag: `<script>document.write('<script src="${script}" data-key="${key}"><\\/script>');</script>`,
});

/** rewritten is written anew when everything has been loaded, with the tag or without. */
export const rewritten = ({ script, key }, { again }) => shop({
  script, key,
  head: `<script>window.writeAnew = function () {
    document.open();
    document.write('<!doctype html><html lang="en"><head><title>Written anew</title></head><body><main><h1>Written anew</h1><p><a href="#last" id="last">A link</a></p></main>${again ? `<script src="${script}" data-key="${key}"><\\/script>` : ''}</body></html>');
    document.close();
  };</script>`,
});

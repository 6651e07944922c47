// Builds dist/: widget.js, and for each locale one file of the panel's style and
// texts. The same sources give the same bytes.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';
import { minify as squeeze } from 'terser';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const dist = new URL('dist/', import.meta.url);

// A locale's file is an array: the panel's style, its icons, the patterns that
// read answers, its texts in the order of locales/en.json. Text numbers what comes after the style.
const english = JSON.parse(read('locales/en.json'));
const names = Object.keys(english);
const signs = { ...JSON.parse(read('src/icons.json')), ...JSON.parse(read('src/patterns.json')) };
const declared = /enum Text \{([^}]*)\}/.exec(read('src/text.ts'))[1].split(',').map((name) => name.trim()).filter(Boolean);
const numbered = [...Object.keys(signs), ...names];
if (`${declared}` !== `${numbered}`) throw new Error(`src/text.ts has other names than icons.json, patterns.json and locales/en.json:\n${declared}\n${numbered}`);

// Names of ours that leave the script neither as JSON nor as its interface, and
// that neither the DOM nor Text has.
const INTERNAL = /^(texts|element|memory|posted|grew|inline|removed|answered|settings|session|keep|forget|reader|begin|rendering|redraw|busy|spoken|leave|ask|restore|say|call|after|cite|emit|connection|dress|restart|events|follow|clear|add|opinion)$/;

const minify = async (css) => (await transform(css, { loader: 'css', minify: true, target: 'safari16.4' })).code.trim();
const style = await minify(read('src/panel.css'));
const locales = {};
for (const file of readdirSync(new URL('locales/', import.meta.url)).sort()) {
  const texts = JSON.parse(read(`locales/${file}`));
  if (`${Object.keys(texts)}` !== `${names}`) throw new Error(`locales/${file} has other texts, or another order, than en.json`);
  for (const name of names) {
    if (texts[name].split('{}').length !== english[name].split('{}').length) throw new Error(`locales/${file}: ${name} must have {} where English has it`);
  }
  locales[file] = JSON.stringify([style, ...Object.values(signs), ...Object.values(texts)]);
}
const hash = createHash('sha256').update(JSON.stringify(locales)).digest('hex').slice(0, 12);

const styles = {
  name: 'styles',
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await minify(readFileSync(path, 'utf8')), loader: 'text' }));
  },
};

const { outputFiles: [script] } = await build({
  entryPoints: [new URL('src/main.ts', import.meta.url).pathname],
  mangleProps: INTERNAL, bundle: true, minify: true, write: false, format: 'iife', target: ['es2022', 'safari16.4'],
  charset: 'ascii', // whatever the page's charset is
  legalComments: 'none', tsconfigRaw: '{}', // or "use strict" is written in front
  define: { DRESS: JSON.stringify(hash) },
  plugins: [styles], logLevel: 'warning',
});

// Names in the order of their frequency compress 3 percent better than esbuild's.
const { code } = await squeeze(script.text, { ecma: 2020, compress: true, mangle: true, format: { ascii_only: true } });

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
writeFileSync(new URL('widget.js', dist), code);
for (const [file, content] of Object.entries(locales)) writeFileSync(new URL(`${hash}.${file}`, dist), content);
console.log(`dist/widget.js ${code.length} bytes, ${gzipSync(code, { level: 9 }).length} compressed`);

// The widget's own modules, for tests without a browser.

import { build } from 'esbuild';

/** source bundles one module of widget/src and imports it. */
export async function source(name) {
  const { outputFiles } = await build({
    entryPoints: [new URL(`../../src/${name}`, import.meta.url).pathname], bundle: true, format: 'esm', write: false, target: 'es2022', logLevel: 'error',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

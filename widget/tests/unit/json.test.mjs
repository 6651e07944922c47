import assert from 'node:assert/strict';
import test from 'node:test';
import { source } from '../harness/source.mjs';

const { write } = await source('json.ts');

test('what is written reads back, whatever the page did to toJSON', () => {
  const value = { message: 'a "quoted"\\ \n\t\u0000\u2028 😀 \ud800 </script>', n: 1.5, yes: true, no: null, left: undefined, deep: { a: { b: '' } } };
  const plain = { ...value };
  delete plain.left;
  Object.prototype.toJSON = () => 'spoiled';
  String.prototype.toJSON = () => 'spoiled';
  try {
    assert.deepEqual(JSON.parse(write(value)), plain);
  } finally {
    delete Object.prototype.toJSON;
    delete String.prototype.toJSON;
  }
});

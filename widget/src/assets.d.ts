// What build.mjs puts in.

interface Element {
  /** The DOM makes text of what it is given. */
  setAttribute(name: string, value: string | number | boolean): void;
}

declare module '*.css' {
  const minified: string;
  export default minified;
}

/** DRESS names this build's files of text and style: `/widget/<DRESS>.<locale>.json`. */
declare const DRESS: string;

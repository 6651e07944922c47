// What build.mjs puts in.

declare module '*.css' {
  const minified: string;
  export default minified;
}

/** DRESS names this build's files of text and style: `/widget/<DRESS>.<locale>.json`. */
declare const DRESS: string;

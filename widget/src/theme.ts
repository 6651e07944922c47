// Colours that can be read whatever colour a tenant chose: WCAG 2.2, 1.4.3.

import type { Settings } from './config.ts';

type Colour = [number, number, number]; // 0 to 255

const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0]; // one of the two has 4.5 with every colour
const DARK: Colour = [28, 30, 34]; // the panel at night

/** luminance as WCAG defines it, 0 to 1. */
const luminance = (colour: Colour): number => {
  const [r, g, b] = colour.map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as Colour;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

/** contrast of two colours, 1 to 21. */
export const contrast = (a: Colour, b: Colour): number => {
  const [x, y] = [luminance(a) + 0.05, luminance(b) + 0.05];
  return x > y ? x / y : y / x;
};

const parse = (hex: string): Colour => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) as Colour;

const css = (colour: Colour): string => `rgb(${colour.map(Math.round)})`;

/** readable moves a colour towards black or white until it can be read as text, also on the shade behind code. */
export const readable = (colour: Colour, on: Colour): Colour => {
  const target = luminance(on) > 0.4 ? 0 : 255;
  for (let i = 0; i < 20 && contrast(colour, on) < 5.7; i++) colour = colour.map((c) => c + (target - c) * 0.1) as Colour;
  return colour;
};

/** themeSheet is the style that depends on the settings. */
export const themeSheet = (settings: Settings, dark: boolean, place: number): string => {
  const hex = settings.primaryColor;
  const primary = parse(/^#[\da-f]{6}$/i.test(hex) ? hex : '#2457d6');
  const [x, y] = settings.position === 'bottom-left' ? ['auto', '16px'] : ['16px', 'auto'];
  return `:host{--main:${css(primary)};--on:${css(contrast(primary, WHITE) < 4.5 ? BLACK : WHITE)};--link:${css(readable(primary, dark ? DARK : WHITE))};--x:${x};--y:${y};--n:${place}}`;
};

// Colours that can be read whatever colour a tenant chose: WCAG 2.2, 1.4.3.

import type { Settings } from './config.ts';

type Colour = number[]; // red, green, blue: 0 to 255

/** luminance, 0 to 1; WCAG's, but for less than 0.01. */
const luminance = (colour: Colour): number => {
  const [red, green, blue] = colour.map((c) => (c / 255) ** 2.2) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const css = (colour: Colour): string => `rgb(${colour.map(Math.round)})`;

/**
 * readable moves a colour towards black, or white on a dark panel, until it
 * has a contrast of 4.5 on the panel and on the shade behind code.
 */
const readable = (colour: Colour, dark: boolean): Colour => {
  const enough = () => (dark ? luminance(colour) > 0.32 : luminance(colour) < 0.134);
  while (!enough()) colour = colour.map((c) => c + ((dark ? 255 : 0) - c) * 0.1);
  return colour;
};

/** themeSheet is the style that depends on the settings. */
export const themeSheet = ({ primaryColor, position }: Settings, dark: boolean, place: number): string => {
  const hex = /^#([\da-f]{6})$/i.exec(primaryColor)?.[1] ?? '2457d6';
  const primary = [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const [x, y] = position === 'bottom-left' ? ['auto', '16px'] : ['16px', 'auto'];
  // On a luminance of 0.179 white and black have the same contrast, 4.6.
  return `:host{--main:#${hex};--on:${luminance(primary) < 0.179 ? '#fff' : '#000'};--link:${css(readable(primary, dark))};--x:${x};--y:${y};--n:${place}}`;
};

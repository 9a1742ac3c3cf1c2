/*! Fluent System Icons, (c) Microsoft, MIT */
// Written by marks.mjs from @fluentui/svg-icons 1.1.343; not to be changed by hand. Outlines on a grid of 16 by 16, for
// the even-odd rule: a mark on the disc is a hole in it.
export const DISC = "M16 8A8 8 0 1 1 0 8a8 8 0 0 1 16 0";
export const RING = "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M0 8a8 8 0 1 1 16 0A8 8 0 0 1 0 8";
export const CHECK = "M11.7 6.7a1 1 0 0 0-1.4-1.4L7 8.58l-1.3-1.3a1 1 0 0 0-1.4 1.42l2 2a1 1 0 0 0 1.4 0z";
export const BAR = "M5.25 7a1 1 0 0 0 0 2h5.5a1 1 0 1 0 0-2z";
export const CLOCK = "M8.5 7.52V4.5a1 1 0 1 0-2 0V8c0 .3.14.6.38.78l2.5 2a1 1 0 1 0 1.24-1.56z";
export const CROSS = "M10.7 5.3a1 1 0 0 1 0 1.4L9.42 8l1.3 1.3a1 1 0 0 1-1.42 1.4L8 9.42l-1.3 1.3a1 1 0 0 1-1.4-1.42L6.58 8l-1.3-1.3a1 1 0 0 1 1.42-1.4L8 6.58l1.3-1.3a1 1 0 0 1 1.4 0z";
export const ARROW = "M8.2 6.2a1 1 0 1 0-1.4-1.4L4.3 7.3a1 1 0 0 0 0 1.4l2.5 2.5a1 1 0 0 0 1.4-1.4L7.42 9H11a1 1 0 1 0 0-2H7.41z";

/** A style sheet that is made when it is first asked for, and shared by all who ask. */
export function sheet(css: string): () => CSSStyleSheet {
  let made: CSSStyleSheet | undefined;
  return () => {
    if (made === undefined) {
      made = new CSSStyleSheet();
      made.replaceSync(css);
    }
    return made;
  };
}

/** How many of `KEYS` are statuses, and how many statuses and activities. */
export const STATUSES = 7;
export const WORDS = 16;

/** The languages that badges speak. */
export const SPOKEN = ["en", "de", "fr", "ja"];

/**
 * The words of Teams itself in each language, and phrases in which `{}` stands for what is put in: a state, a time of
 * today, a time of another day. English is here; a page that speaks another language adds `TRANSLATIONS`, which others need not load.
 */
export const LANGUAGES: Record<string, string> = {
  en:
    "Available|Busy|Do not disturb|Away|Offline|Out of office|Unknown|" +
    "Be right back|In a call|In a conference call|In a meeting|Presenting|Focusing|Urgent interruptions only|Inactive|Off work|" +
    "Last known: {}|since {}|since {}|Nobody here whom you may see.|Sign in to see who is here.",
};

/**
 * What stands in `LANGUAGES` at which place: seven statuses, nine activities that say more than those, which are Graph's
 * names in lower case and the English words without their spaces, and phrases.
 */
export const KEYS = [
  ...LANGUAGES.en!.toLowerCase().replaceAll(" ", "").split("|").slice(0, WORDS),
  "lastknown", "since", "sinceday", "nobody", "signedout",
];

/** What stands in `LANGUAGES` at which place: seven statuses, nine activities that say more than those, and phrases. */
export const KEYS = (
  "available|busy|donotdisturb|away|offline|outofoffice|unknown|" +
  "berightback|inacall|inaconferencecall|inameeting|presenting|focusing|urgentinterruptionsonly|inactive|offwork|" +
  "lastknown|since|sinceday|nobody|signedout"
).split("|");

/** How many of `KEYS` are statuses, and how many statuses and activities. */
export const STATUSES = 7;
export const WORDS = 16;

/**
 * The words of Teams itself in each language, and phrases in which `{}` stands for what is put in: a state, a time of
 * today, a time of another day.
 */
export const LANGUAGES: Readonly<Record<string, string>> = {
  en:
    "Available|Busy|Do not disturb|Away|Offline|Out of office|Unknown|" +
    "Be right back|In a call|In a conference call|In a meeting|Presenting|Focusing|Urgent interruptions only|Inactive|Off work|" +
    "Last known: {}|since {}|since {}|Nobody here whom you may see.|Sign in to see who is here.",
  de:
    "Verfügbar|Beschäftigt|Nicht stören|Abwesend|Offline|Außer Haus|Status unbekannt|" +
    "Bin gleich zurück|In einem Anruf|In einer Telefonkonferenz|In einer Besprechung|Präsentiert|Konzentriert sich|Nur dringende Störungen|Inaktiv|Außerhalb der Arbeitszeit|" +
    "Zuletzt bekannt: {}|seit {}|seit {}|Hier ist niemand, den Sie sehen dürfen.|Melden Sie sich an, um zu sehen, wer hier ist.",
  fr:
    "Disponible|Occupé|Ne pas déranger|Absent|Hors connexion|Absent du bureau|Statut inconnu|" +
    "De retour bientôt|Dans un appel|En conférence téléphonique|En réunion|En présentation|Concentration|Interruptions urgentes uniquement|Inactif|En dehors des heures de travail|" +
    "Dernier état connu\u00a0: {}|depuis {}|depuis le {}|Personne que vous puissiez voir ici.|Connectez-vous pour voir qui est ici.",
  ja:
    "連絡可能|取り込み中|応答不可|退席中|オフライン|外出中|状態不明|" +
    "一時退席中|通話中|電話会議中|会議中|発表中|フォーカス中|緊急の連絡のみ|非アクティブ|業務時間外|" +
    "最後に確認した状態: {}|{}から|{}から|表示できるメンバーはいません。|メンバーを表示するにはサインインしてください。",
};

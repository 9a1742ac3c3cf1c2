/** What `LANGUAGES` holds of every language but English. */
export const TRANSLATIONS: Readonly<Record<string, string>> = {
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

// Nothing here is the toolkit's: mgt-person is only spoken of, and @microsoft/mgt-react is not imported.
import { Person } from "../components/Person";
import { Person as OfFluent } from "@fluentui/react";

const text = "the tag mgt-person was retired";
const mine = <Person userId="x" showPresence personQuery="y" />;
const theirs = <OfFluent showPresence />;
const data = { "mgt-person": 1, personPresence: 2 };
mine.props.personPresence = data;
const pattern = /<mgt-person[^>]*>/;
// document.createElement("mgt-person")
const PresenceService = { register(x: unknown) {} };
PresenceService.register(pattern);
export { text, theirs };

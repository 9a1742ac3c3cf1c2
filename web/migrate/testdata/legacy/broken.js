import { Person } from "@microsoft/mgt-react";
const = <Person userId="x" showPresence>;

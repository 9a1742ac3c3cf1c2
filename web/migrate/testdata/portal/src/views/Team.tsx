import * as React from "react";
import { Person, People as Crowd, PersonCardInteraction, PersonCard, Agenda, MgtTemplateProps } from "@microsoft/mgt-react";
import * as Mgt from "@microsoft/mgt-react";
import type { User } from "../model";

interface Props {
  lead: User;
  members: readonly User[];
  ids: string[];
}

const Name = ({ dataContext }: MgtTemplateProps) => <b>{dataContext.person.displayName}</b>;

export function Team({ lead, members, ids }: Props) {
  return (
    <section className="team">
      {/* <Person userId="a-comment" showPresence /> */}
      <Person userId={lead.id} showPresence view="twolines" personCardInteraction={PersonCardInteraction.hover} className="lead" />
      <Person
        personQuery={lead.mail}
        showPresence={true}
        avatarSize="large"
        line2Property="jobTitle"
        line1clicked={() => open(lead)}
      >
        <Name template="line1" />
      </Person>
      <Person personDetails={lead} showPresence fetchImage />
      <Mgt.Person userId="48d31887-5fad-4d73-a9f5-3c356e68a038" showPresence={lead.visible} key={lead.id} />
      <Crowd userIds={ids} showPresence showMax={5} />
      <Person personQuery="Megan Bowen" showPresence />
      <Person userId={lead.id} />
      {members.map((m) => (
        <Person key={m.id} {...shared(m)} />
      ))}
      <PersonCard personDetails={lead} />
      <Agenda />
    </section>
  );
}

/** A person of this file's own, inside. */
function Shadow({ Person }: { Person: React.ComponentType<{ userId: string; showPresence: boolean }> }) {
  return <Person userId="shadowed" showPresence />;
}

import { Providers, CacheService, customElementHelper } from "@microsoft/mgt-element";
import { Msal2Provider } from "@microsoft/mgt-msal2-provider";
import { getUsersPresenceByPeople, PresenceService as Service, MgtPerson } from "@microsoft/mgt-components";
import { html, css } from "lit";

customElementHelper.withDisambiguation("contoso");
CacheService.config.presence.invalidationPeriod = 30_000;
MgtPerson.config.useContactApis = false;

Providers.globalProvider = new Msal2Provider({
  clientId: "00000000-1111-4222-8333-444444444444",
  scopes: ["User.Read", "People.Read", "Presence.Read.All"],
});

export async function poll(people: { id: string }[]) {
  return getUsersPresenceByPeople(Providers.globalProvider.graph, people);
}

export function follow(component: { presenceId: string; onPresenceChange(p: unknown): void }) {
  Service.register(component);
}

export const row = (user: { id: string; mail: string }, shown: boolean) => html`
  <li>
    <mgt-contoso-person
      .userId=${user.id}
      ?show-presence=${shown}
      @updated=${() => console.log("updated")}
      view="oneline"
    ></mgt-contoso-person>
    <mgt-contoso-person person-query="${user.mail}" show-presence avatar-size="small"></mgt-contoso-person>
    ${[user].map((u) => html`<mgt-person user-id=${u.id} show-presence></mgt-person>`)}
  </li>
`;

export const styles = css`
  mgt-contoso-person { --person-avatar-size: 40px; --presence-icon-color: teal; }
  .mine { --person-colour: red; }
`;

const element = document.createElement("mgt-person");
(element as MgtPerson).personPresence = { availability: "Busy", activity: "InACall" };
element.showPresence = true;
element.personQuery = "anna@contoso.com";
element.addEventListener("line1clicked", () => {});
document.querySelectorAll("mgt-person[show-presence], mgt-people").forEach((e) => e.remove());
document.body.innerHTML = '<p class="x">' + '<mgt-person user-id="' + element.id + '" show-presence></mgt-person></p>';
const escaped = "<mgt-person person-query=\"bo@contoso.com\" show-presence></mgt-person>";
export { escaped };

import { type IPropertyPaneConfiguration, PropertyPaneTextField } from "@microsoft/sp-property-pane";
import { BaseClientSideWebPart } from "@microsoft/sp-webpart-base";
import { configure } from "@presence-gateway/client/badge";
import * as strings from "PresenceWebPartStrings";

export interface IPresenceWebPartProps {
  gateway: string;
  api: string;
  people: string;
}

/** Lists people with their live presence; readers are signed in by SharePoint. */
export default class PresenceWebPart extends BaseClientSideWebPart<IPresenceWebPartProps> {
  protected async onInit(): Promise<void> {
    const provider = await this.context.aadTokenProviderFactory.getTokenProvider();
    configure({
      gateway: this.properties.gateway,
      // SharePoint keeps tokens; one that the gateway wants renewed is asked for anew.
      getToken: ({ renew }) => provider.getToken(this.properties.api, !renew),
    });
  }

  public render(): void {
    const people = (this.properties.people || "").split(/[\s,;]+/).filter((who) => who !== "");
    const heading = document.createElement("h2");
    heading.textContent = strings.Heading;
    const list = document.createElement("ul");
    for (const who of people) {
      const badge = document.createElement("presence-badge");
      badge.setAttribute(who.indexOf("@") < 0 ? "user-id" : "person-query", who);
      badge.setAttribute("gateway", this.properties.gateway);
      const row = document.createElement("li");
      row.append(badge, ` ${who}`);
      list.append(row);
    }
    this.domElement.replaceChildren(heading, people.length > 0 ? list : document.createTextNode(strings.Nobody));
  }

  protected getPropertyPaneConfiguration(): IPropertyPaneConfiguration {
    const { Group, Gateway, Api, People } = strings;
    return {
      pages: [
        {
          groups: [
            {
              groupName: Group,
              groupFields: [
                PropertyPaneTextField("gateway", { label: Gateway }),
                PropertyPaneTextField("api", { label: Api }),
                PropertyPaneTextField("people", { label: People, multiline: true }),
              ],
            },
          ],
        },
      ],
    };
  }
}

import { BaseClientSideWebPart } from "@microsoft/sp-webpart-base";
import { lazyLoadComponent } from "@microsoft/mgt-spfx-utils";
import { Providers } from "@microsoft/mgt-element/dist/es6/providers/Providers";
import { SharePointProvider } from "@microsoft/mgt-sharepoint-provider";

export default class PeopleWebPart extends BaseClientSideWebPart<{ group: string }> {
  protected async onInit(): Promise<void> {
    Providers.globalProvider ??= new SharePointProvider(this.context);
  }

  public render(): void {
    const { group } = this.properties;
    this.domElement.innerHTML = `
      <div class="people">
        <mgt-people group-id="${group}" show-presence person-card="click"></mgt-people>
      </div>`;
  }

  private read(): unknown {
    const list = <unknown>this.domElement.querySelector("mgt-people");
    return lazyLoadComponent(list);
  }
}

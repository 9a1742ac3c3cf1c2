// The page as somebody would write it with the Graph Toolkit: who is signed in, and where Graph is. With `?refresh=MS` it
// also does what the toolkit's repository does in a version that npm never had: asks for everybody on the page anew, in one
// request, so often, and hands each their presence.
import { createFromProvider, Providers, ProviderState, SimpleProvider } from "@microsoft/mgt-element";
import { registerMgtPersonComponent } from "@microsoft/mgt-components";

const asked = new URL(location.href).searchParams;
const graph = asked.get("graph");
const refresh = Number(asked.get("refresh"));

/** The toolkit takes only Microsoft's own addresses by its setter; this one is the simulated tenant's. */
class Simulated extends SimpleProvider {
  get baseURL() {
    return graph;
  }
}

const provider = new Simulated(async () => "any");
provider.customHosts = [new URL(graph).hostname];
provider.graph = createFromProvider(provider);
Providers.globalProvider = provider;
provider.setState(ProviderState.SignedIn);
registerMgtPersonComponent();

const people = () => [...document.querySelectorAll("mgt-person")];

async function again() {
  try {
    const ids = people().map((p) => p.userId);
    const { value } = await provider.graph.api("/communications/getPresencesByUserId").post({ ids });
    const of = new Map(value.map((p) => [p.id, p]));
    for (const p of people()) p.personPresence = of.get(p.userId) ?? p.personPresence;
  } finally {
    setTimeout(again, refresh);
  }
}
if (refresh > 0) setTimeout(again, refresh);

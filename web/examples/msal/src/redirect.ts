import { broadcastResponseToMainFrame } from "@azure/msal-browser/redirect-bridge";

// Hands the sign-in service's answer to the page that asked, whether it waits in a frame or is to be gone back to.
await broadcastResponseToMainFrame();

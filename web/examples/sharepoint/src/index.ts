// SharePoint begins at the web part, by its manifest.
export {};

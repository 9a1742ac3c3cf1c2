declare interface IPresenceWebPartStrings {
  Group: string;
  Gateway: string;
  Api: string;
  People: string;
  Nobody: string;
  Heading: string;
}

declare module "PresenceWebPartStrings" {
  const strings: IPresenceWebPartStrings;
  export = strings;
}

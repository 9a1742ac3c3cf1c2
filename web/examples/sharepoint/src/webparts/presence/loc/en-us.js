define([], function () {
  return {
    Group: "Presence Gateway",
    Gateway: "Address of the gateway",
    Api: "Application ID URI of the gateway's registration",
    People: "People, one address or object id a line",
    Nobody: "Nobody is chosen yet: edit the web part and name some people.",
    Heading: "Who is available",
  };
});

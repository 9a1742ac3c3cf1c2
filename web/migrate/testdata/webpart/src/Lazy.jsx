const React = require("react");
const { Person: Face, ViewType } = require("@microsoft/mgt-react/dist/es6/spfx");
const Sheet = styled(Face)`color: red`;
module.exports = ({ id }) => React.createElement(Face, { userId: id, showPresence: true, view: ViewType.oneline });

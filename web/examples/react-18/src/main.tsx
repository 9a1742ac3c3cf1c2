import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { configure } from "@presence-gateway/client/badge";
import { Team } from "./Team";
import "./page.css";

configure({ gateway: import.meta.env.VITE_GATEWAY ?? "http://127.0.0.1:8080" });

const people: string = import.meta.env.VITE_PEOPLE ?? "samuel.braun@contoso.example,marta.campbell@contoso.example,mei.rossi@contoso.example";

createRoot(document.querySelector("#page")!).render(
  <StrictMode>
    <Team people={people.split(",")} />
  </StrictMode>,
);

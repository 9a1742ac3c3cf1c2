import { defineConfig } from "vite";

// Two pages: the application, and the one that the sign-in service sends people back to.
export default defineConfig({ build: { target: "es2022", rolldownOptions: { input: ["index.html", "redirect.html"] } } });

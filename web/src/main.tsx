import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { Problem } from "./api/client";
import { SettingsProvider } from "./app/settings";
import { makeRouter } from "./app/router";
import { firstLanguage, savedLanguage, startTexts } from "./i18n";
import "./style.css";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server refused it will refuse again; only a lost connection is worth another try.
      retry: (count, error) => count < 3 && (!(error instanceof Problem) || error.status === 0 || error.status >= 502),
    },
  },
});
const router = makeRouter(client);

// A session that ended is noticed by whatever asks first.
client.getQueryCache().subscribe((event) => {
  const error: unknown = event.query.state.error;
  if (error instanceof Problem && error.status === 401 && location.pathname !== "/login") {
    void router.navigate({ to: "/login", search: { next: location.pathname + location.search } });
  }
});

await startTexts(firstLanguage(savedLanguage(), navigator.languages));

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <SettingsProvider>
          <RouterProvider router={router} />
        </SettingsProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}

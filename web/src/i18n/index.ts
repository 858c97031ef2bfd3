import { useMemo } from "react";
import i18next from "i18next";
import { initReactI18next, useTranslation } from "react-i18next";
import { en, type Texts } from "./en";
import { sayer } from "./said";
import { zh } from "./zh";

export const languages = ["zh-CN", "en"] as const;
export type Language = (typeof languages)[number];

/** The key of a text: section.name. */
export type Key = { [S in keyof Texts]: `${S}.${Extract<keyof Texts[S], string>}` }[keyof Texts];

const stored = "fairlead.language";

export function firstLanguage(saved: string | null, preferred: readonly string[]): Language {
  const found = languages.find((l) => l === saved);
  if (found) return found;
  return preferred.some((p) => p.toLowerCase().startsWith("zh")) ? "zh-CN" : "en";
}

let chinese: ((text: string) => string) | undefined;

/** Gets the catalogue of the server's sentences when the language needs it; without it they stay English. */
async function prepare(language: Language): Promise<void> {
  if (language !== "zh-CN" || chinese) return;
  try {
    chinese = sayer((await import("../../../internal/words/zh-CN.json")).default);
  } catch {
    // the connection is lost, which the page shows, or the server is a newer one: the next load of the page finds it
  }
}

/** What the server said, in the language that is chosen; what is not known stays English. */
export function said<T extends string | undefined>(text: T): T {
  return (text && i18next.language === "zh-CN" && chinese ? chinese(text) : text) as T;
}

export async function startTexts(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: "en",
    resources: { en: { translation: en }, "zh-CN": { translation: zh } },
    interpolation: { escapeValue: false }, // React escapes
    returnNull: false,
  });
  // The catalogue is no part of the first load: what is there already is drawn again when it has come.
  if (language === "zh-CN") void prepare(language).then(() => i18next.emit("languageChanged", language));
  document.documentElement.lang = language;
}

export async function setLanguage(language: Language): Promise<void> {
  localStorage.setItem(stored, language);
  await prepare(language);
  document.documentElement.lang = language;
  await i18next.changeLanguage(language);
}

export const savedLanguage = (): string | null => localStorage.getItem(stored);

type Values = Record<string, string | number>;
export type Translate = (key: Key, values?: Values) => string;

/** Texts and formats of the language that is chosen: the same object until the language changes. */
export function useText() {
  const { t, i18n } = useTranslation();
  const language = i18n.language as Language;
  return useMemo(() => {
    const translate: Translate = (key, values) => t(key, values ?? {});
    return {
      t: translate,
      language,
      /** The word for a state; the state itself when it has none. */
      state: (state: string) => t(`state.${state}`, { defaultValue: state }),
      cause: (cause: string) => t(`causes.${cause}`, { defaultValue: cause }),
      stageType: (type: string) => t(`stageTypes.${type}`, { defaultValue: type }),
      /** What the server said. */
      said: <T extends string | undefined>(text: T): T => said(text),
      verb: (verb: string) => t(`verb.${verb}`, { defaultValue: verb }),
      ...formats(language),
    };
  }, [t, language]);
}

const made = new Map<Language, ReturnType<typeof makeFormats>>();

/** Numbers and times as the language writes them. The browser's formats cost much to make, so each language has them once. */
export function formats(language: Language): ReturnType<typeof makeFormats> {
  const present = made.get(language);
  if (present) return present;
  const fresh = makeFormats(language);
  made.set(language, fresh);
  return fresh;
}

function makeFormats(language: Language) {
  const time = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const number = new Intl.NumberFormat(language);
  const units = new Map<string, Intl.NumberFormat>();
  const unit = (n: number, u: string) => {
    const format = units.get(u) ?? new Intl.NumberFormat(language, { style: "unit", unit: u, unitDisplay: "narrow", maximumFractionDigits: 1 });
    units.set(u, format);
    return format.format(n);
  };
  return {
    number: (n: number) => number.format(n),
    time: (iso: string | undefined) => (iso ? time.format(new Date(iso)) : "–"),
    clock: (iso: string) => clock.format(new Date(iso)),
    ago: (iso: string | undefined, now = Date.now()) => (iso ? agoText(relative, (Date.parse(iso) - now) / 1000) : "–"),
    duration: (from: string | undefined, to: string | undefined, now = Date.now()) =>
      from ? durationText(unit, (to ? Date.parse(to) : now) - Date.parse(from)) : "–",
    bytes: (n: number) => bytesText(language, n),
  };
}

function agoText(format: Intl.RelativeTimeFormat, seconds: number): string {
  const units: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86400], ["hour", 3600], ["minute", 60]];
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(Math.trunc(seconds), "second");
}

function durationText(unit: (n: number, u: string) => string, ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 60) return unit(s < 10 ? Math.round(s * 10) / 10 : Math.round(s), "second");
  if (s < 3600) return `${unit(Math.floor(s / 60), "minute")} ${unit(Math.round(s % 60), "second")}`;
  return `${unit(Math.floor(s / 3600), "hour")} ${unit(Math.round((s % 3600) / 60), "minute")}`;
}

function bytesText(language: Language, n: number): string {
  const names = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let i = 0;
  let value = n;
  while (value >= 1000 && i < names.length - 1) {
    value /= 1000;
    i++;
  }
  return new Intl.NumberFormat(language, { style: "unit", unit: names[i], unitDisplay: "short", maximumFractionDigits: i === 0 ? 0 : 1 }).format(value);
}

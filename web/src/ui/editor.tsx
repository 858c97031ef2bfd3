// A text editor for YAML with the findings in its margin.
import { useEffect, useRef } from "react";
import { history, defaultKeymap, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Finding } from "../api/client";
import { useText } from "../i18n";

interface EditorProps {
  value: string;
  onChange?: (value: string) => void;
  findings?: readonly Finding[];
  label: string;
  height?: string;
}

// Colours are variables of the page, so that both themes have them.
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.content], color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--code-number)" },
  { tag: [tags.comment, tags.meta], color: "var(--code-note)" },
]);

const nonce = () => document.querySelector<HTMLMetaElement>('meta[name="nonce"]')?.content ?? "";

/** Findings as the editor shows them: from their line and column to the end of the line. */
export function marks(state: EditorState, findings: readonly Finding[], said: (text: string) => string = (text) => text): Diagnostic[] {
  return findings
    .filter((f) => f.line && f.line <= state.doc.lines)
    .map((f) => {
      const line = state.doc.line(f.line ?? 1);
      const from = Math.min(line.from + Math.max(0, (f.column ?? 1) - 1), line.to);
      return { from, to: line.to, severity: f.severity === "warning" ? "warning" : "error", message: said(f.detail ? `${f.summary}\n${f.detail}` : f.summary) } as const;
    });
}

export function Editor({ value, onChange, findings, label, height = "420px" }: EditorProps) {
  const { said } = useText();
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const changed = useRef(onChange);
  useEffect(() => {
    changed.current = onChange;
  }, [onChange]);
  const editable = onChange !== undefined;
  const first = useRef(value);
  useEffect(() => {
    if (!place.current) return;
    const access = new Compartment();
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: first.current,
        extensions: [
          lineNumbers(), foldGutter(), lintGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), highlightSelectionMatches(),
          keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, ...(editable ? [indentWithTab] : [])]),
          yaml(), syntaxHighlighting(colours), EditorState.tabSize.of(2), EditorView.lineWrapping, EditorView.cspNonce.of(nonce()),
          access.of([EditorState.readOnly.of(!editable)]),
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      first.current = editor.state.doc.toString();
      editor.destroy();
    };
  }, [editable, label]);
  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
    }
  }, [value]);
  useEffect(() => {
    const editor = view.current;
    if (editor) editor.dispatch(setDiagnostics(editor.state, marks(editor.state, findings ?? [], said)));
  }, [findings, value, said]);
  return <div ref={place} className="editor" style={{ height }} />;
}

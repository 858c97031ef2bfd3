import { useEffect, type ReactNode } from "react";
import { Empty, Skeleton } from "antd";
import type { UseQueryResult } from "@tanstack/react-query";
import { ProblemAlert } from "./problem";

interface PageProps {
  title: string;
  /** Stands before the title, such as a link to the list. */
  trail?: ReactNode;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, trail, note, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Fairlead`;
  }, [title]);
  return (
    <>
      <div className="page-head">
        <div className="page-title">
          {trail && <div className="trail">{trail}</div>}
          <h1>{title}</h1>
          {note}
        </div>
        <div className="page-actions">{actions}</div>
      </div>
      {children}
    </>
  );
}

/** Shows what a query gives; while it loads a skeleton, and its error when it fails. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <ProblemAlert error={query.error} again={() => void query.refetch()} />;
  return <Skeleton active paragraph={{ rows: 6 }} />;
}

export function Nothing({ text, children }: { text: string; children?: ReactNode }) {
  return (
    <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={text} className="nothing">
      {children}
    </Empty>
  );
}

/** Names and values, one below the other on small screens. */
export function Facts({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {items
        .filter(([, value]) => value !== undefined && value !== "" && value !== null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

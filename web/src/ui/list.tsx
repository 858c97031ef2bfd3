// Lists of named things: searched and filtered by the address, drawn a page at a time.
import { useEffect, useMemo, useRef, type ReactNode, type TdHTMLAttributes } from "react";
import { Input, Select, Table, type TableColumnsType } from "antd";
import { useText } from "../i18n";

export interface Filter {
  search?: string;
  status?: string;
  group?: string;
}

/** Keeps what has the searched text in its name and the chosen values. */
export function filtered<T extends { name: string }>(items: readonly T[], filter: Filter, pick: { status?: (item: T) => string; group?: (item: T) => string } = {}): T[] {
  const search = filter.search?.toLowerCase() ?? "";
  return items.filter(
    (item) =>
      item.name.toLowerCase().includes(search) &&
      (!filter.status || !pick.status || pick.status(item) === filter.status) &&
      (!filter.group || !pick.group || pick.group(item) === filter.group),
  );
}

interface FiltersProps {
  filter: Filter;
  onChange: (filter: Filter) => void;
  statuses?: readonly string[];
  groups?: readonly string[];
  children?: ReactNode;
}

export function Filters({ filter, onChange, statuses, groups, children }: FiltersProps) {
  const text = useText();
  const { t } = text;
  const change = useRef<(search: string | undefined) => void>(undefined);
  useEffect(() => {
    change.current = (search) => onChange({ ...filter, search });
  });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  // The list is drawn anew when one pauses, not with every letter.
  const type = (search: string) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => change.current?.(search || undefined), 200);
  };
  return (
    <div className="filters" role="search">
      <Input.Search
        allowClear
        defaultValue={filter.search}
        placeholder={t("common.search")}
        aria-label={t("common.search")}
        onChange={(e) => type(e.target.value)}
      />
      {statuses && (
        <Select
          allowClear
          value={filter.status}
          placeholder={t("common.status")}
          aria-label={t("common.status")}
          options={statuses.map((value) => ({ value, label: text.state(value) }))}
          onChange={(status?: string) => onChange({ ...filter, status })}
          style={{ minWidth: 150 }}
        />
      )}
      {groups && groups.length > 1 && (
        <Select
          allowClear
          value={filter.group}
          placeholder={t("common.group")}
          aria-label={t("common.group")}
          options={groups.map((value) => ({ value, label: value }))}
          onChange={(group?: string) => onChange({ ...filter, group })}
          style={{ minWidth: 150 }}
        />
      )}
      {children}
    </div>
  );
}

interface ListProps<T> {
  items: readonly T[];
  columns: TableColumnsType<T>;
  rowKey: (item: T) => string;
  empty?: ReactNode;
  label: string;
  loading?: boolean;
  /** Rows that are marked, where rows can be. */
  marked?: string[];
  onMark?: (keys: string[]) => void;
  markLabel?: (item: T) => string;
}

/** Lets each cell tell the name of its column, which stands before it on small screens. */
export const labelled = <T,>(columns: TableColumnsType<T>): TableColumnsType<T> =>
  columns.map((c) => (typeof c.title === "string" ? { ...c, onCell: () => ({ "data-label": c.title }) as TdHTMLAttributes<HTMLTableCellElement> } : c));

export function List<T extends object>({ items, columns, rowKey, empty, label, loading, marked, onMark, markLabel }: ListProps<T>) {
  const told = useMemo(() => labelled(columns), [columns]);
  return (
    <Table<T>
      className="wide-table"
      aria-label={label}
      size="middle"
      dataSource={items}
      columns={told}
      rowKey={rowKey}
      loading={loading}
      rowSelection={onMark && { selectedRowKeys: marked, hideSelectAll: true, onChange: (keys) => onMark(keys.map(String)), getCheckboxProps: (item) => ({ "aria-label": markLabel?.(item) }), columnWidth: 40 }}
      pagination={{ defaultPageSize: 50, hideOnSinglePage: true, showSizeChanger: true, pageSizeOptions: [20, 50, 100, 500] }}
      locale={empty ? { emptyText: <span className="dim">{empty}</span> } : undefined}
    />
  );
}

// The one table of the console: columns as data, rows that may open, order in the caller's hands (it lives in the URL).
//
// Invariant: no column that is hidden on a narrow screen holds a fact that cannot be read there otherwise; the first
// cell's second line or the opened row repeats it.

import { clsx } from 'clsx';
import { ChevronRight } from 'lucide-react';
import { Fragment, type ReactNode } from 'react';

export interface Column<Row> {
  id: string;
  title: ReactNode;
  cell: (row: Row) => ReactNode;
  /** Right-aligned with figures of equal width. */
  numeric?: boolean;
  /** Hidden below this width. */
  from?: 'sm' | 'md' | 'lg' | 'xl';
  /** Makes the column sortable. */
  order?: (a: Row, b: Row) => number;
  className?: string;
}

export interface Sort {
  column: string;
  descending: boolean;
}

interface Props<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: Row[] | undefined;
  keyOf: (row: Row) => string;
  /** Shown in place of rows when there are none. */
  empty: ReactNode;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  opened?: string | undefined;
  onOpen?: (key: string | undefined) => void;
  detail?: (row: Row) => ReactNode;
}

const FROM = {
  sm: 'hidden sm:table-cell',
  md: 'hidden md:table-cell',
  lg: 'hidden lg:table-cell',
  xl: 'hidden xl:table-cell',
};
const SKELETON_ROWS = [0, 1, 2];

export function DataTable<Row>(props: Props<Row>) {
  const { caption, columns, rows, keyOf, empty, detail, opened } = props;
  if (rows && rows.length === 0) return empty;
  return (
    <div className="overflow-x-auto">
      <table className="w-full border-collapse" aria-busy={!rows}>
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-line border-b text-left text-muted text-sm">
            {columns.map((column, index) => (
              <HeaderCell key={column.id} column={column} before={columns[index - 1]} {...props} />
            ))}
          </tr>
        </thead>
        <tbody>
          {!rows && SKELETON_ROWS.map((row) => <SkeletonRow key={row} columns={columns} />)}
          {rows?.map((row) => {
            const key = keyOf(row);
            const isOpen = detail !== undefined && opened === key;
            return (
              <Fragment key={key}>
                <tr className="border-line border-t first:border-t-0 hover:bg-raised/60">
                  {columns.map((column, index) => (
                    <td key={column.id} className={cellClass(column, columns[index - 1])}>
                      {index === 0 && detail ? (
                        <OpenButton row={row} column={column} isOpen={isOpen} {...props} />
                      ) : (
                        column.cell(row)
                      )}
                    </td>
                  ))}
                </tr>
                {isOpen && (
                  <tr className="bg-ground/50">
                    <td colSpan={columns.length} className="px-3 pt-1 pb-3 sm:pl-8">
                      {detail?.(row)}
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** A text column after figures keeps off them, or the two read as one. */
function cellClass<Row>(column: Column<Row>, before?: Column<Row>): string {
  const isApart = before?.numeric && !column.numeric;
  return clsx(
    'cell',
    column.numeric && 'figures text-right',
    isApart && 'md:pl-8',
    column.from && FROM[column.from],
    column.className,
  );
}

function HeaderCell<Row>(props: { column: Column<Row>; before: Column<Row> | undefined } & Props<Row>) {
  const { column, before, sort, onSort } = props;
  const sorted = sort?.column === column.id ? sort : null;
  const direction = sorted?.descending ? 'descending' : 'ascending';
  return (
    <th
      scope="col"
      {...(sorted ? { 'aria-sort': direction as 'ascending' | 'descending' } : {})}
      className={clsx(cellClass(column, before), 'whitespace-nowrap font-normal')}
    >
      {column.order && onSort ? (
        <button
          type="button"
          className={clsx('-my-1 min-h-6 hover:text-fg', sorted && 'text-fg')}
          onClick={() =>
            onSort({ column: column.id, descending: sorted ? !sorted.descending : column.numeric === true })
          }
        >
          {/* The arrow stands on the side where it does not push the title off its column's edge. */}
          {column.numeric && <Arrow sorted={sorted} side="mr-1" />}
          {column.title}
          {!column.numeric && <Arrow sorted={sorted} side="ml-1" />}
        </button>
      ) : (
        column.title
      )}
    </th>
  );
}

function Arrow({ sorted, side }: { sorted: Sort | null; side: string }) {
  return (
    <span aria-hidden="true" className={clsx('inline-block w-2', side, !sorted && 'invisible')}>
      {sorted?.descending ? '↓' : '↑'}
    </span>
  );
}

function OpenButton<Row>(props: { row: Row; column: Column<Row>; isOpen: boolean } & Props<Row>) {
  const { row, column, isOpen, keyOf, onOpen } = props;
  return (
    <button
      type="button"
      aria-expanded={isOpen}
      onClick={() => onOpen?.(isOpen ? undefined : keyOf(row))}
      className="-my-0.5 flex min-h-6 max-w-full items-start gap-1 py-0.5 text-left"
    >
      <ChevronRight
        aria-hidden="true"
        size={14}
        className={clsx('mt-[3px] shrink-0 text-muted transition-transform duration-100', isOpen && 'rotate-90')}
      />
      <span className="min-w-0">{column.cell(row)}</span>
    </button>
  );
}

function SkeletonRow<Row>({ columns }: { columns: Column<Row>[] }) {
  return (
    <tr className="border-line border-t first:border-t-0">
      {columns.map((column, index) => (
        <td key={column.id} className={cellClass(column, columns[index - 1])}>
          <div className={clsx('skeleton my-1 h-3', column.numeric ? 'ml-auto w-10' : 'w-20 max-w-full')} />
        </td>
      ))}
    </tr>
  );
}

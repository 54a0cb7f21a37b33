// The buttons of the console: 28 px high, named by their text, disabled with a reason.

import { clsx } from 'clsx';
import type { ButtonHTMLAttributes } from 'react';

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'plain' | 'primary' | 'quiet';
}

const LOOK = {
  plain: 'border border-line-strong bg-panel hover:bg-raised',
  primary: 'border border-accent bg-accent font-medium text-on-accent hover:brightness-110',
  quiet: 'text-accent hover:underline underline-offset-2',
};

export function Button({ look = 'plain', className, type = 'button', ...rest }: Props) {
  return (
    <button
      type={type}
      className={clsx(
        'inline-flex min-h-6 items-center justify-center gap-1.5 whitespace-nowrap rounded-md text-sm',
        'disabled:cursor-not-allowed disabled:opacity-60',
        look !== 'quiet' && 'h-7 px-2.5',
        LOOK[look],
        className,
      )}
      {...rest}
    />
  );
}

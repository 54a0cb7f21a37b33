// Starts the console and nothing else. The theme is set already (public/theme.js).

import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './styles/app.css';
import { newQueryClient } from './api/queries.ts';
import { takeSetupCode, tradeSetupCode } from './auth/setup.ts';
import { newRouter } from './router.tsx';

async function start(): Promise<void> {
  const element = document.getElementById('root');
  if (!element) throw new Error('index.html has no #root');
  const code = takeSetupCode(window.location, window.history);
  const linkProblem = code === null ? null : await tradeSetupCode(code);
  const queries = newQueryClient();
  const router = newRouter({ queries, linkProblem });
  createRoot(element).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

void start();

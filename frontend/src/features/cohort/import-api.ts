import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';

import { api, unwrap } from '@/lib/api-client';
import { upload, type UploadOptions } from '@/lib/upload';
import type { components } from '@/types/api';

import type { Mapping } from './mapping-draft';

type Schemas = components['schemas'];
export type TableImport = Schemas['ImportOut'];
export type Layout = Schemas['LayoutOut'];
export type ColumnRead = Schemas['ColumnReadOut'];
export type FileColumns = Schemas['FileColumnsOut'];
export type FileColumn = Schemas['ColumnOut'];

export const KINDS = ['patients', 'diagnoses', 'exams', 'chart_review'] as const;
/** The tables of an OMOP export that stand for the four files. */
export const OMOP = ['person', 'condition_occurrence', 'procedure_occurrence', 'image_occurrence'] as const;
export type Kind = (typeof KINDS)[number];
export type Named = Kind | (typeof OMOP)[number];

export const isActive = (job: TableImport) => ['queued', 'reading', 'storing'].includes(job.state);

export const fileColumnsQuery = queryOptions({
  queryKey: ['import-columns'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/imports/columns/', { signal })),
  staleTime: Infinity,
});

export const tableImportQuery = (id: number) =>
  queryOptions({
    queryKey: ['table-import', id],
    queryFn: ({ signal }) => unwrap(api.GET('/api/cohort/imports/{id}/', { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => (state.data && isActive(state.data) ? 1000 : false),
  });

/** The four things a person does with tables; each answers with the import as it then is. */
function useImportStep<Input>(act: (input: Input) => Promise<TableImport>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (job) => client.setQueryData(tableImportQuery(job.id).queryKey, job),
    onError: () => client.invalidateQueries({ queryKey: ['table-import'] }),
  });
}

export function useSendTables() {
  return useImportStep(({ files, ...options }: { files: Partial<Record<Named, File>> } & UploadOptions) => {
    const body = new FormData();
    for (const [kind, file] of Object.entries(files)) body.append(kind, file, `${kind}.csv`);
    return upload<TableImport>('/api/cohort/imports/', body, options);
  });
}

export function useCheckTables(id: number) {
  return useImportStep((mapping: Mapping) =>
    unwrap(api.POST('/api/cohort/imports/{id}/check/', { params: { path: { id } }, body: { mapping } })),
  );
}

export function useCommitTables(id: number) {
  return useImportStep((skip: boolean) =>
    unwrap(api.POST('/api/cohort/imports/{id}/commit/', { params: { path: { id } }, body: { skip_errors: skip } })),
  );
}

export function useLeaveTables(id: number) {
  return useImportStep(() => unwrap(api.POST('/api/cohort/imports/{id}/cancel/', { params: { path: { id } } })));
}

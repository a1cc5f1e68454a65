import { Badge } from '@mantine/core';

import { CATEGORY_COLOUR } from './wording';

export function CategoryBadge({ category }: { category: string }) {
  return <Badge variant="light" color={CATEGORY_COLOUR[category] ?? 'gray'} c="dark.8">{category || 'none'}</Badge>;
}

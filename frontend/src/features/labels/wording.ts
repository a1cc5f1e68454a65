/** How a final label came to be, and how its category is shown: never by colour alone. */
export const HOW: Record<string, { label: string; meaning: string }> = {
  concordant: { label: 'Concordant', meaning: 'Both observers came to the same category on their own.' },
  consensus: { label: 'Consensus', meaning: 'The observers differed, discussed, and one confirmed the other’s proposal.' },
  adjudicated: { label: 'Adjudicated', meaning: 'No consensus: the neurosurgeon’s blinded read decided.' },
};

export const CATEGORY_COLOUR: Record<string, string> = { case: 'orange', intermediate: 'yellow', clean: 'teal' };

export const SCAN: Record<string, string> = { baseline: 'Baseline', follow_up: 'Follow-up' };

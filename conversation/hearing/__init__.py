"""From sound to words: pieces heard side by side, hallucinations left out."""

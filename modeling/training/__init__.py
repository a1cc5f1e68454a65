"""Training and explaining the network: the only code that may import torch. No Django here."""

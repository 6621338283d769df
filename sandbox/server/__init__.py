"""The two HTTP servers, and the control that both of them serve under /_world/."""

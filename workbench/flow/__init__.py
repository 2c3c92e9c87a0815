"""What several stages do in the same way, over one engagement: plan, transfer, account, bind, overlook."""
